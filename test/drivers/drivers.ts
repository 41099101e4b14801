/** The drivers of the matrix, one for each row of `outcomes.md`. Each language has its own file. */
import { COMPILED_DRIVERS } from './compiled.ts';
import type { Driver } from './driver.ts';
import { NODE_DRIVERS } from './node-drivers.ts';
import { NODE_ORMS } from './orms.ts';
import { PSQL_DRIVER } from './psql.ts';
import { PYTHON_DRIVERS } from './python.ts';
import { SCRIPT_DRIVERS } from './scripts.ts';

export const DRIVERS: readonly Driver[] = [
  PSQL_DRIVER,
  ...PYTHON_DRIVERS,
  ...COMPILED_DRIVERS,
  ...SCRIPT_DRIVERS,
  ...NODE_DRIVERS,
  ...NODE_ORMS,
];
