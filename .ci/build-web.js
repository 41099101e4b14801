/** Bundles the console's pages into `dist/console/web`, where what they are made of has changed since they were last bundled. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const pathOf = (place) => fileURLToPath(new URL(`../${place}`, import.meta.url));
const into = pathOf('dist/console/web');
const mark = pathOf('dist/.web-inputs');

const inputs = hashOf([
  '.ci/build-web.js',
  'package-lock.json',
  ...filesOf('src/console/web'),
  ...filesOf('src/console/api'),
]);
const isBuilt = existsSync(`${into}/index.html`) && existsSync(mark) && readFileSync(mark, 'utf8') === inputs;
const [major, minor] = process.versions.node.split('.').map(Number);
// What bundles them has its own demands; the guard and its commands have fewer.
if (!isBuilt && (major < 20 || (major === 20 && minor < 19))) {
  console.warn(`The console's pages are left out: Node ${process.versions.node} cannot bundle them, 20.19 can.`);
} else if (!isBuilt) {
  const { build } = await import('vite');
  await build({
    configFile: false,
    envDir: false,
    logLevel: 'warn',
    root: pathOf('src/console/web'),
    base: '/',
    cacheDir: pathOf('.cache/vite'),
    build: {
      outDir: into,
      emptyOutDir: true,
      target: 'es2022',
      // Nothing inline: the pages' content security policy lets neither scripts nor data addresses in.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // Of the libraries that are in the bundle.
      license: { fileName: 'licenses.md' },
      reportCompressedSize: false,
      // Libraries for React say where a server component ends; there are none here.
      rolldownOptions: { checks: { moduleLevelDirective: false } },
    },
  });
  writeFileSync(mark, inputs);
}

function filesOf(folder) {
  if (!existsSync(pathOf(folder))) return [];
  return readdirSync(pathOf(folder), { recursive: true, encoding: 'utf8' })
    .map((name) => pathOf(`${folder}/${name}`))
    .filter((file) => statSync(file).isFile())
    .sort();
}

function hashOf(files) {
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = readFileSync(file.startsWith('/') ? file : pathOf(file));
    hash.update(`${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest('hex');
}
