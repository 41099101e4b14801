-- World A: a few hidden objects, with plain names and texts.
CREATE TABLE hidden_a (id integer, code varchar(9));
ALTER TABLE pupils ADD COLUMN hidden_a text DEFAULT 'a';
COMMENT ON COLUMN pupils.hidden_a IS '1';
