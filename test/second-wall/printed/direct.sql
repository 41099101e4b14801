-- The second wall, printed by rowgate compile for database "ent", policy sha256:….
--   role "canteen_vendor": account "rowgate_direct_canteen_vendor", for clients of the server itself, principals "canteen"
--   role "family_portal": account "rowgate_direct_family_portal", for clients of the server itself, principals "portal"
--   role "homework_app": account "rowgate_direct_homework_app", for clients of the server itself, principals "homework"
--   role "school_office": account "rowgate_direct_school_office", for clients of the server itself, principals "office"
--   role "statistics": account "rowgate_direct_statistics", for clients of the server itself, principals "statistics"
--   role "teacher": account "rowgate_direct_teacher", for clients of the server itself, principals "teacher"
-- Run it as a superuser, or as an account that owns the tables and may create roles:
--   psql -1 -v ON_ERROR_STOP=1 -f FILE
-- Run it again after a change of policies, principals or tables; rowgate compile --verify says when.
SET LOCAL standard_conforming_strings = on;
SET LOCAL search_path = "public";
SET LOCAL client_min_messages = warning;

-- Role "canteen_vendor": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_canteen_vendor'') THEN CREATE ROLE "rowgate_direct_canteen_vendor" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_canteen_vendor'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_canteen_vendor'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_canteen_vendor'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_canteen_vendor'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_canteen_vendor'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_canteen_vendor'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_canteen_vendor";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_canteen_vendor";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_canteen_vendor";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_canteen_vendor";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_canteen_vendor'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_canteen_vendor'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_canteen_vendor'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_canteen_vendor'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_canteen_vendor'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_canteen_vendor'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Role "family_portal": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_family_portal'') THEN CREATE ROLE "rowgate_direct_family_portal" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_family_portal'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_family_portal'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_family_portal'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_family_portal'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_family_portal'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_family_portal'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_family_portal";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_family_portal";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_family_portal";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_family_portal";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_family_portal'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_family_portal'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_family_portal'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_family_portal'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_family_portal'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_family_portal'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Role "homework_app": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_homework_app'') THEN CREATE ROLE "rowgate_direct_homework_app" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_homework_app'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_homework_app'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_homework_app'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_homework_app'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_homework_app'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_homework_app'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_homework_app";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_homework_app";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_homework_app";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_homework_app";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_homework_app'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_homework_app'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_homework_app'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_homework_app'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_homework_app'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_homework_app'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Role "school_office": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_school_office'') THEN CREATE ROLE "rowgate_direct_school_office" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_school_office'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_school_office'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_school_office'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_school_office'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_school_office'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_school_office'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_school_office";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_school_office";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_school_office";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_school_office";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_school_office'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_school_office'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_school_office'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_school_office'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_school_office'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_school_office'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Role "statistics": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_statistics'') THEN CREATE ROLE "rowgate_direct_statistics" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_statistics'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_statistics'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_statistics'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_statistics'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_statistics'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_statistics'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_statistics";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_statistics";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_statistics";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_statistics";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_statistics'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_statistics'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_statistics'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_statistics'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_statistics'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_statistics'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Role "teacher": what is there is taken away
DO 'BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_teacher'') THEN CREATE ROLE "rowgate_direct_teacher" LOGIN; END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = ''rowgate_direct_teacher'' AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)) THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I has attributes that no wall holds: superuser, bypassrls, createrole, createdb or replication'', ''rowgate_direct_teacher'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_auth_members AS m JOIN pg_catalog.pg_roles AS r ON r.oid = m.member WHERE r.rolname = ''rowgate_direct_teacher'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''role %I is a member of other roles: a wall does not restrict their rights'', ''rowgate_direct_teacher'');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ''rowgate_direct_teacher'' AND pg_catalog.obj_description(n.oid, ''pg_namespace'') IS DISTINCT FROM ''made by rowgate compile'') THEN
    RAISE EXCEPTION USING MESSAGE = pg_catalog.format(''schema %I is not of rowgate compile''''s making'', ''rowgate_direct_teacher'');
  END IF;
END';
REVOKE ALL ON ALL TABLES IN SCHEMA "public" FROM "rowgate_direct_teacher";
REVOKE ALL ON ALL SEQUENCES IN SCHEMA "public" FROM "rowgate_direct_teacher";
REVOKE ALL ON ALL ROUTINES IN SCHEMA "public" FROM "rowgate_direct_teacher";
REVOKE ALL ON SCHEMA "public" FROM "rowgate_direct_teacher";
DO 'DECLARE made record;
BEGIN
  FOR made IN SELECT p.polname, n.nspname, c.relname FROM pg_catalog.pg_policy AS p
    JOIN pg_catalog.pg_class AS c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE pg_catalog.starts_with(p.polname::pg_catalog.text, ''rowgate '') AND p.polroles = ARRAY(SELECT r.oid FROM pg_catalog.pg_roles AS r WHERE r.rolname = ''rowgate_direct_teacher'') LOOP
    EXECUTE pg_catalog.format(''DROP POLICY %I ON %I.%I'', made.polname, made.nspname, made.relname);
  END LOOP;
  FOR made IN SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = ''rowgate_direct_teacher'' AND c.relkind = ''v'' LOOP
    EXECUTE pg_catalog.format(''DROP VIEW %I.%I'', ''rowgate_direct_teacher'', made.relname);
  END LOOP;
  FOR made IN SELECT d.datname FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS x JOIN pg_catalog.pg_roles AS r ON r.oid = x.grantee
    WHERE d.datname = pg_catalog.current_database() AND r.rolname = ''rowgate_direct_teacher'' AND x.privilege_type = ''TEMPORARY'' LOOP
    EXECUTE pg_catalog.format(''REVOKE TEMPORARY ON DATABASE %I FROM %I'', made.datname, ''rowgate_direct_teacher'');
  END LOOP;
  FOR made IN SELECT p.oid::pg_catalog.regprocedure AS fn FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = ''rowgate_direct_teacher'' LOOP
    EXECUTE pg_catalog.format(''DROP FUNCTION %s'', made.fn);
  END LOOP;
END';

-- Row security, where rows are withheld
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."classes";
CREATE POLICY "rowgate everyone" ON "public"."classes" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."classes" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."students";
CREATE POLICY "rowgate everyone" ON "public"."students" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."students" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."absences";
CREATE POLICY "rowgate everyone" ON "public"."absences" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."absences" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."grades";
CREATE POLICY "rowgate everyone" ON "public"."grades" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."grades" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."teachers";
CREATE POLICY "rowgate everyone" ON "public"."teachers" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."teachers" ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS "rowgate everyone" ON "public"."parents";
CREATE POLICY "rowgate everyone" ON "public"."parents" AS PERMISSIVE FOR ALL TO PUBLIC USING (true) WITH CHECK (true);
ALTER TABLE "public"."parents" ENABLE ROW LEVEL SECURITY;

-- Role "canteen_vendor": rows
CREATE POLICY "rowgate SELECT rowgate_direct_canteen_vendor" ON "public"."classes" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_canteen_vendor" USING (("public"."classes".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_canteen_vendor" ON "public"."students" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_canteen_vendor" USING ((("public"."students".canteen) AND ("public"."students".school_id = ('1'::integer))));

-- Role "canteen_vendor": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_canteen_vendor";
GRANT SELECT ("id", "name", "level") ON TABLE "public"."classes" TO "rowgate_direct_canteen_vendor";
GRANT SELECT ("id", "first_name", "class_id") ON TABLE "public"."students" TO "rowgate_direct_canteen_vendor";

-- Role "canteen_vendor": settings
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET search_path = "public";
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_canteen_vendor" IN DATABASE "ent" SET statement_timeout = '5000ms';

-- What this wall does not hold for "rowgate_direct_canteen_vendor":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows

-- Role "family_portal": schema, functions and views of its own
CREATE SCHEMA IF NOT EXISTS "rowgate_direct_family_portal";
COMMENT ON SCHEMA "rowgate_direct_family_portal" IS 'made by rowgate compile';
CREATE FUNCTION "rowgate_direct_family_portal"."SELECT public.students"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS 'SELECT (false) FROM (SELECT $1 AS "id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_family_portal"."SELECT public.students"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_family_portal"."SELECT public.students"(bigint) TO "rowgate_direct_family_portal";
CREATE FUNCTION "rowgate_direct_family_portal"."SELECT public.absences"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS 'SELECT (false) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_family_portal"."SELECT public.absences"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_family_portal"."SELECT public.absences"(bigint) TO "rowgate_direct_family_portal";
CREATE FUNCTION "rowgate_direct_family_portal"."SELECT public.grades"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS 'SELECT (false) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_family_portal"."SELECT public.grades"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_family_portal"."SELECT public.grades"(bigint) TO "rowgate_direct_family_portal";

-- Role "family_portal": rows
CREATE POLICY "rowgate SELECT rowgate_direct_family_portal" ON "public"."students" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_family_portal" USING (("rowgate_direct_family_portal"."SELECT public.students"("public"."students"."id")));
CREATE POLICY "rowgate SELECT rowgate_direct_family_portal" ON "public"."absences" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_family_portal" USING (("rowgate_direct_family_portal"."SELECT public.absences"("public"."absences"."student_id")));
CREATE POLICY "rowgate SELECT rowgate_direct_family_portal" ON "public"."grades" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_family_portal" USING (("rowgate_direct_family_portal"."SELECT public.grades"("public"."grades"."student_id")));

-- Role "family_portal": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_family_portal";
GRANT SELECT ("id", "name", "level") ON TABLE "public"."classes" TO "rowgate_direct_family_portal";
GRANT SELECT ("id", "first_name", "last_name", "class_id") ON TABLE "public"."students" TO "rowgate_direct_family_portal";
GRANT SELECT ("id", "student_id", "day", "half_day", "justified") ON TABLE "public"."absences" TO "rowgate_direct_family_portal";
GRANT SELECT ("id", "student_id", "subject", "term", "mark") ON TABLE "public"."grades" TO "rowgate_direct_family_portal";

-- Role "family_portal": settings
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET search_path = "public";
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_family_portal" IN DATABASE "ent" SET statement_timeout = '5000ms';

-- What this wall does not hold for "rowgate_direct_family_portal":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows
-- - rows by ":parent_id": its value comes with a token, so the account reads none of them

-- Role "homework_app": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_homework_app";
GRANT SELECT ("id", "level") ON TABLE "public"."classes" TO "rowgate_direct_homework_app";
GRANT SELECT ("id", "first_name", "class_id") ON TABLE "public"."students" TO "rowgate_direct_homework_app";

-- Role "homework_app": settings
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET search_path = "public";
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_homework_app" IN DATABASE "ent" SET statement_timeout = '5000ms';

-- What this wall does not hold for "rowgate_direct_homework_app":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows

-- Role "school_office": schema, functions and views of its own
CREATE SCHEMA IF NOT EXISTS "rowgate_direct_school_office";
COMMENT ON SCHEMA "rowgate_direct_school_office" IS 'made by rowgate compile';
CREATE FUNCTION "rowgate_direct_school_office"."SELECT public.parents"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS E'SELECT (rowgate_row.student_id IN (SELECT rowgate_p1.id FROM public.students AS rowgate_p1 WHERE (rowgate_p1.school_id = (''1''::integer)\n))) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_school_office"."SELECT public.parents"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_school_office"."SELECT public.parents"(bigint) TO "rowgate_direct_school_office";
CREATE FUNCTION "rowgate_direct_school_office"."SELECT public.absences"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS E'SELECT (rowgate_row.student_id IN (SELECT rowgate_p1.id FROM public.students AS rowgate_p1 WHERE (rowgate_p1.school_id = (''1''::integer)\n))) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_school_office"."SELECT public.absences"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_school_office"."SELECT public.absences"(bigint) TO "rowgate_direct_school_office";
CREATE FUNCTION "rowgate_direct_school_office"."SELECT public.grades"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS E'SELECT (rowgate_row.student_id IN (SELECT rowgate_p1.id FROM public.students AS rowgate_p1 WHERE (rowgate_p1.school_id = (''1''::integer)\n))) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_school_office"."SELECT public.grades"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_school_office"."SELECT public.grades"(bigint) TO "rowgate_direct_school_office";

-- Role "school_office": rows
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."classes" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("public"."classes".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."teachers" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("public"."teachers".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."students" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("public"."students".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."parents" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("rowgate_direct_school_office"."SELECT public.parents"("public"."parents"."student_id")));
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."absences" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("rowgate_direct_school_office"."SELECT public.absences"("public"."absences"."student_id")));
CREATE POLICY "rowgate SELECT rowgate_direct_school_office" ON "public"."grades" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_school_office" USING (("rowgate_direct_school_office"."SELECT public.grades"("public"."grades"."student_id")));

-- Role "school_office": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "name") ON TABLE "public"."academies" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "academy_id", "name", "city", "kind") ON TABLE "public"."schools" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "school_id", "name", "level", "school_year") ON TABLE "public"."classes" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "school_id", "first_name", "last_name", "email") ON TABLE "public"."teachers" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "ine", "first_name", "last_name", "birth_date", "sex", "address", "postal_code", "city", "class_id", "school_id", "canteen", "photo_consent") ON TABLE "public"."students" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "student_id", "first_name", "last_name", "phone", "email", "relationship") ON TABLE "public"."parents" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "student_id", "day", "half_day", "justified", "reason") ON TABLE "public"."absences" TO "rowgate_direct_school_office";
GRANT SELECT ("id", "student_id", "subject", "term", "mark") ON TABLE "public"."grades" TO "rowgate_direct_school_office";
GRANT EXECUTE ON ROUTINE "public"."school_year"("pg_catalog"."date") TO "rowgate_direct_school_office";

-- Role "school_office": settings
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET search_path = "public";
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_school_office" IN DATABASE "ent" SET statement_timeout = '30000ms';

-- What this wall does not hold for "rowgate_direct_school_office":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows

-- Role "statistics": schema, functions and views of its own
CREATE SCHEMA IF NOT EXISTS "rowgate_direct_statistics";
COMMENT ON SCHEMA "rowgate_direct_statistics" IS 'made by rowgate compile';
CREATE VIEW "rowgate_direct_statistics"."students" WITH (security_barrier) AS SELECT ((pg_catalog.date_trunc('year', rowgate_row.birth_date::timestamp)::pg_catalog.date))::date AS birth_date, rowgate_row.sex, rowgate_row.class_id, rowgate_row.school_id, rowgate_row.canteen FROM "public"."students" AS rowgate_row;
GRANT SELECT ON "rowgate_direct_statistics"."students" TO "rowgate_direct_statistics";

-- Role "statistics": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_statistics";
GRANT USAGE ON SCHEMA "rowgate_direct_statistics" TO "rowgate_direct_statistics";
GRANT SELECT ("id", "name") ON TABLE "public"."academies" TO "rowgate_direct_statistics";
GRANT SELECT ("id", "academy_id", "name", "city", "kind") ON TABLE "public"."schools" TO "rowgate_direct_statistics";
GRANT SELECT ("id", "school_id", "name", "level", "school_year") ON TABLE "public"."classes" TO "rowgate_direct_statistics";
GRANT SELECT ("sex", "class_id", "school_id", "canteen") ON TABLE "public"."students" TO "rowgate_direct_statistics";
GRANT SELECT ("day", "half_day", "justified") ON TABLE "public"."absences" TO "rowgate_direct_statistics";
GRANT SELECT ("subject", "term", "mark") ON TABLE "public"."grades" TO "rowgate_direct_statistics";
GRANT EXECUTE ON ROUTINE "public"."school_year"("pg_catalog"."date") TO "rowgate_direct_statistics";

-- Role "statistics": settings
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET search_path = "rowgate_direct_statistics", "public";
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_statistics" IN DATABASE "ent" SET statement_timeout = '120000ms';

-- What this wall does not hold for "rowgate_direct_statistics":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows

-- Role "teacher": schema, functions and views of its own
CREATE SCHEMA IF NOT EXISTS "rowgate_direct_teacher";
COMMENT ON SCHEMA "rowgate_direct_teacher" IS 'made by rowgate compile';
CREATE FUNCTION "rowgate_direct_teacher"."SELECT public.absences"(bigint, date) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS E'SELECT ((rowgate_row.day >= pg_catalog.date ''2026-09-01'') AND (rowgate_row.student_id IN (SELECT rowgate_p1.id FROM public.students AS rowgate_p1 WHERE (rowgate_p1.school_id = (''1''::integer)\n)))) FROM (SELECT $1 AS "student_id", $2 AS "day") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_teacher"."SELECT public.absences"(bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_teacher"."SELECT public.absences"(bigint, date) TO "rowgate_direct_teacher";
CREATE FUNCTION "rowgate_direct_teacher"."SELECT public.grades"(bigint) RETURNS pg_catalog.bool LANGUAGE sql STABLE SECURITY DEFINER SET search_path = "public", "pg_temp" AS E'SELECT (rowgate_row.student_id IN (SELECT rowgate_p1.id FROM public.students AS rowgate_p1 WHERE (rowgate_p1.school_id = (''1''::integer)\n))) FROM (SELECT $1 AS "student_id") AS rowgate_row';
REVOKE ALL ON FUNCTION "rowgate_direct_teacher"."SELECT public.grades"(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION "rowgate_direct_teacher"."SELECT public.grades"(bigint) TO "rowgate_direct_teacher";
CREATE VIEW "rowgate_direct_teacher"."students" WITH (security_barrier) AS SELECT rowgate_row.id, rowgate_row.first_name, rowgate_row.last_name, ((pg_catalog.date_trunc('year', rowgate_row.birth_date::timestamp)::pg_catalog.date))::date AS birth_date, rowgate_row.sex, rowgate_row.class_id, rowgate_row.school_id, rowgate_row.photo_consent FROM "public"."students" AS rowgate_row WHERE (rowgate_row.school_id = ('1'::integer));
GRANT SELECT ON "rowgate_direct_teacher"."students" TO "rowgate_direct_teacher";

-- Role "teacher": rows
CREATE POLICY "rowgate SELECT rowgate_direct_teacher" ON "public"."classes" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_teacher" USING (("public"."classes".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_teacher" ON "public"."teachers" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_teacher" USING (("public"."teachers".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_teacher" ON "public"."students" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_teacher" USING (("public"."students".school_id = ('1'::integer)));
CREATE POLICY "rowgate SELECT rowgate_direct_teacher" ON "public"."absences" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_teacher" USING (("rowgate_direct_teacher"."SELECT public.absences"("public"."absences"."student_id", "public"."absences"."day")));
CREATE POLICY "rowgate SELECT rowgate_direct_teacher" ON "public"."grades" AS RESTRICTIVE FOR SELECT TO "rowgate_direct_teacher" USING (("rowgate_direct_teacher"."SELECT public.grades"("public"."grades"."student_id")));

-- Role "teacher": rights
GRANT USAGE ON SCHEMA "public" TO "rowgate_direct_teacher";
GRANT USAGE ON SCHEMA "rowgate_direct_teacher" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "name") ON TABLE "public"."academies" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "academy_id", "name", "city", "kind") ON TABLE "public"."schools" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "school_id", "name", "level", "school_year") ON TABLE "public"."classes" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "school_id", "first_name", "last_name") ON TABLE "public"."teachers" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "first_name", "last_name", "sex", "class_id", "school_id", "photo_consent") ON TABLE "public"."students" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "student_id", "day", "half_day", "justified") ON TABLE "public"."absences" TO "rowgate_direct_teacher";
GRANT SELECT ("id", "student_id", "subject", "term", "mark", "comment") ON TABLE "public"."grades" TO "rowgate_direct_teacher";
GRANT EXECUTE ON ROUTINE "public"."school_year"("pg_catalog"."date") TO "rowgate_direct_teacher";

-- Role "teacher": settings
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" RESET ALL;
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET search_path = "rowgate_direct_teacher", "public";
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET standard_conforming_strings = 'on';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET backslash_quote = 'safe_encoding';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET client_encoding = 'UTF8';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET transform_null_equals = 'off';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET array_nulls = 'on';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET xmloption = 'content';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET quote_all_identifiers = 'off';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET row_security = 'on';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET debug_print_parse = 'off';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET debug_print_rewritten = 'off';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET debug_print_plan = 'off';
ALTER ROLE "rowgate_direct_teacher" IN DATABASE "ent" SET statement_timeout = '5000ms';

-- What this wall does not hold for "rowgate_direct_teacher":
-- - limits, "collect", kinds of statements and the list of built-in functions are held by Rowgate alone; so is what of the catalogs shows
