-- A content management system, with names in capitals, with blanks, dots, quotes and words of SQL, and an owner who logs in.
CREATE TABLE "Users" ("ID" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_login varchar(60) NOT NULL, user_pass text, "user e-mail" text, "displayName" text);
CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author bigint REFERENCES "Users", title text, body text, "order" int, "a.b" text, state text DEFAULT 'draft');
CREATE TABLE comments (id bigint PRIMARY KEY, post bigint NOT NULL REFERENCES posts, commenter bigint REFERENCES "Users", body text);
CREATE TABLE post_meta (post bigint REFERENCES posts, "key" text, "value" jsonb, PRIMARY KEY (post, "key"));
CREATE TABLE "select" ("from" int PRIMARY KEY, "it's" text, "say ""hi""" text, "*" int);
CREATE TABLE "odd.name" (id int PRIMARY KEY, "Users_ID" bigint);
CREATE TABLE options (name text PRIMARY KEY, value text, "true" boolean, "123" int, "null" text);
CREATE MATERIALIZED VIEW authors AS SELECT author, count(*) AS posts FROM posts GROUP BY author;
CREATE FUNCTION "Slug"(title text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(title) $$;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER stamped BEFORE INSERT ON posts FOR EACH ROW EXECUTE FUNCTION stamp();
INSERT INTO "Users" (user_login) VALUES ('root'), ('guest'); INSERT INTO posts (author, title) VALUES (1, 'Hello'), (2, 'World'); INSERT INTO comments VALUES (1, 1, 2, 'x');
INSERT INTO post_meta VALUES (1, 'k', '{}'); INSERT INTO "select" VALUES (1, 'a', 'b', 2); INSERT INTO "odd.name" VALUES (1, 1); INSERT INTO options VALUES ('site', 'x', true, 1, NULL);

ALTER TABLE posts OWNER TO :auditor; ALTER TABLE post_meta OWNER TO :auditor;
GRANT ALL ON ALL TABLES IN SCHEMA public TO :clerk; REVOKE DELETE ON comments FROM :clerk; REVOKE ALL ON options FROM :clerk; GRANT SELECT ("123", "null") ON options TO :clerk;
