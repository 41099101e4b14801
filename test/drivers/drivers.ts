/** The drivers of the matrix, a row of `docs/clients.md` each. A language's drivers stand in its own file. */
import type { Driver } from './driver.ts';
import { PYTHON_DRIVERS } from './python.ts';

export const DRIVERS: readonly Driver[] = [...PYTHON_DRIVERS];
