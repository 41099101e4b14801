/** Tests the reading of the policies folder: which files are read, which are not, and a clear error where one cannot be read. */
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PolicyDocument, type PolicyFile } from '../../src/policy/source/document.ts';
import { PolicyFolderError, readPolicyFolder } from '../../src/policy-files/folder.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowgate-policies-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const problem = (path = folder): Promise<string> =>
  readPolicyFolder(path).then(
    () => 'no problem',
    (error: unknown) =>
      error instanceof PolicyFolderError ? error.message.replaceAll(folder, 'FOLDER') : String(error),
  );

it('reads *.yaml in it and below, sorted, but not *.test.yaml, hidden or other files', async () => {
  await mkdir(join(folder, 'roles'));
  await mkdir(join(folder, '..data'));
  const names = [
    'roles/b.yaml',
    'roles/a.yaml',
    'subjects.yaml',
    'roles/a.test.yaml',
    '..data/x.yaml',
    '.y.yaml',
    'schema.json',
  ];
  for (const name of names) await writeFile(join(folder, name), `# ${name}`);
  await symlink(join(folder, '..data/x.yaml'), join(folder, 'linked.yaml'));
  const files = await readPolicyFolder(folder);
  expect(files.map((file) => file.path)).toEqual(['linked.yaml', 'roles/a.yaml', 'roles/b.yaml', 'subjects.yaml']);
  expect(files[1]?.text).toBe('# roles/a.yaml');
});

it('says so where there is no folder, nothing in it, or it is a file', async () => {
  expect(await problem()).toBe('policies folder "FOLDER" holds no *.yaml file');
  expect(await problem(join(folder, 'none'))).toBe(
    'could not read policies folder "FOLDER/none": no such file or directory',
  );
  await writeFile(join(folder, 'file'), '');
  expect(await problem(join(folder, 'file'))).toBe('could not read policies folder "FOLDER/file": not a directory');
});

it('leaves no policy out in silence: *.yml, broken links, pipes', async () => {
  await writeFile(join(folder, 'a.yml'), '');
  expect(await problem()).toBe('"a.yml" would not be read: name policy files *.yaml');
  await rm(join(folder, 'a.yml'));
  await symlink(join(folder, 'gone.yaml'), join(folder, 'link.yaml'));
  expect(await problem()).toBe('could not read "link.yaml": no such file or directory');
  await rm(join(folder, 'link.yaml'));
  // Reading it would wait for a writer, in a thread without which the process cannot end.
  execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
  expect(await problem()).toBe('could not read "pipe.yaml": not a file');
});

it('text that is not UTF-8 is an error at its place, and of its file alone', async () => {
  await writeFile(join(folder, 'latin.yaml'), Buffer.from('role: a\ndescription: caf\xe9\n', 'latin1'));
  const [file] = await readPolicyFolder(folder);
  expect(new PolicyDocument(file as PolicyFile)).toMatchObject({
    malformed: true,
    flaws: [{ place: { file: 'latin.yaml', line: 2, column: 17 }, message: 'not valid UTF-8' }],
  });
});

it('says so where a file or the folder may not be read', async () => {
  await writeFile(join(folder, 'a.yaml'), '');
  await chmod(join(folder, 'a.yaml'), 0);
  expect(await withoutRights(problem)).toBe('could not read "a.yaml": permission denied');
});

/** Root may read everything: then the work is done as an account that may not. */
async function withoutRights<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  const account = 65534;
  await chown(folder, account, account);
  process.seteuid?.(account);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
