/** After a build: makes `npx rowgate` and `npm start` find the command of this checkout, as an installed package's is found. */
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';

const command = new URL('../dist/cli/main.js', import.meta.url);
const folder = new URL('../node_modules/.bin/', import.meta.url);
const link = new URL('rowgate', folder);

chmodSync(command, 0o755);
mkdirSync(folder, { recursive: true });
rmSync(link, { force: true });
symlinkSync('../../dist/cli/main.js', link);
