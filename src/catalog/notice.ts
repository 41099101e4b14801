/** How a database tells of its catalog's changes by itself, where its owner lets it: an event trigger that notifies whoever listens. */

export const CHANNEL = 'rowgate_catalog';

/** To be run by a superuser, once in the database. A notification comes when the transaction that changed something has committed. */
export const NOTICE_SQL = `CREATE FUNCTION public.rowgate_catalog_changed() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_catalog.pg_notify('${CHANNEL}', ''); END $$;
CREATE EVENT TRIGGER rowgate_catalog_changed ON ddl_command_end EXECUTE FUNCTION public.rowgate_catalog_changed();
CREATE EVENT TRIGGER rowgate_catalog_dropped ON sql_drop EXECUTE FUNCTION public.rowgate_catalog_changed();
`;
