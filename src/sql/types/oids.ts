/** OIDs of built-in types: fixed since PostgreSQL 14 at least, so that code can name them (`src/include/catalog/pg_type.dat`). */
import type { Oid } from '../catalog/catalog.ts';

/** A type that cannot be told from the text alone; never a real OID. */
export const UNTELLABLE: Oid = 0;

export const BOOL = 16;
export const BYTEA = 17;
export const NAME = 19;
export const INT8 = 20;
export const INT2 = 21;
export const INT2VECTOR = 22;
export const INT4 = 23;
export const TEXT = 25;
export const OID = 26;
export const TID = 27;
export const XID = 28;
export const CID = 29;
export const OIDVECTOR = 30;
export const JSON_TYPE = 114;
export const XML = 142;
export const FLOAT4 = 700;
export const FLOAT8 = 701;
/** A string literal or NULL that nothing has given a type yet. */
export const UNKNOWN = 705;
export const BPCHAR = 1042;
export const DATE = 1082;
export const TIME = 1083;
export const TIMESTAMP = 1114;
export const TIMESTAMPTZ = 1184;
export const INTERVAL = 1186;
export const TIMETZ = 1266;
export const BIT = 1560;
export const NUMERIC = 1700;
export const RECORD = 2249;
export const ANY = 2276;
export const ANYARRAY = 2277;
export const INTERNAL = 2281;
export const ANYELEMENT = 2283;
export const RECORD_ARRAY = 2287;
export const ANYNONARRAY = 2776;
export const ANYENUM = 3500;
export const JSONB = 3802;
export const ANYRANGE = 3831;
export const ANYMULTIRANGE = 4537;
export const ANYCOMPATIBLEMULTIRANGE = 4538;
export const ANYCOMPATIBLE = 5077;
export const ANYCOMPATIBLEARRAY = 5078;
export const ANYCOMPATIBLENONARRAY = 5079;
export const ANYCOMPATIBLERANGE = 5080;
