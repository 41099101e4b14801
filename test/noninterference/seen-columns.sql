-- Of world C, what would not go with the updates before: withheld columns and tables.
ALTER TABLE students DROP COLUMN ssn, DROP COLUMN address, DROP COLUMN weight;
ALTER TABLE classes DROP COLUMN head;
ALTER TABLE absences DROP COLUMN reason;
ALTER TABLE grades DROP COLUMN comment;
ALTER TABLE events DROP COLUMN details;
ALTER TABLE ledger DROP COLUMN secret;
ALTER TABLE contacts DROP COLUMN remark;
DROP TABLE payroll, memberships;
CREATE OR REPLACE FUNCTION room_judged() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
  BEGIN
    IF NEW.capacity > 500 THEN RAISE EXCEPTION 'too big'; ELSIF NEW.capacity > 100 THEN RAISE NOTICE 'for pupils'; END IF;
    RETURN NEW;
  END $$;
