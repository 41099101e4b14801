/**
 * Prisma's client with adapter-pg, of a schema with two tables: what it reads and writes. The class is made of what `prisma generate` would write, since that
 * fetches programs. Takes the URL; prints each step as a line of JSON.
 */
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';

const require = createRequire(import.meta.url);
const { getPrismaClient } = require('@prisma/client/runtime/client');
const COMPILER = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

const SCHEMA = `
datasource db {
  provider = "postgresql"
}
enum stage {
  begun
  done
}
model classes {
  id          Int     @id @default(autoincrement())
  name        String
  level       String
  tasks       tasks[]
}
model tasks {
  id       Int       @id @default(autoincrement())
  stage    stage?    @default(begun)
  class_id Int?
  title    String
  due      DateTime? @db.Date
  classes  classes?  @relation(fields: [class_id], references: [id])
}
`;

const field = (name, type, kind = 'scalar') => ({
  name,
  type,
  kind,
  ...(kind === 'object' && { relationName: 'classesTotasks' }),
});
const model = (...fields) => ({ fields, dbName: null, schema: null });
const models = {
  classes: model(
    field('id', 'Int'),
    field('name', 'String'),
    field('level', 'String'),
    field('tasks', 'tasks', 'object'),
  ),
  tasks: model(
    field('id', 'Int'),
    field('stage', 'stage', 'enum'),
    field('class_id', 'Int'),
    field('title', 'String'),
    field('due', 'DateTime'),
    field('classes', 'classes', 'object'),
  ),
};

const PrismaClient = getPrismaClient({
  previewFeatures: [],
  clientVersion: require('@prisma/client/package.json').version,
  engineVersion: '',
  activeProvider: 'postgresql',
  inlineSchema: SCHEMA,
  runtimeDataModel: { models, enums: {}, types: {} },
  // An empty one: each statement is compiled with its values.
  parameterizationSchema: { strings: [], graph: 'AAAAAAAAAAA' },
  compilerWasm: {
    getRuntime: async () => require(`${COMPILER}.js`),
    getQueryCompilerWasmModule: async () =>
      new WebAssembly.Module(Buffer.from(require(`${COMPILER}.wasm-base64.js`).wasm, 'base64')),
    importName: './query_compiler_fast_bg.js',
  },
});
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.argv[2], max: 1 }) });
const { classes, tasks } = prisma;

const steps = {
  findMany: () => classes.findMany({ take: 2, orderBy: { id: 'asc' } }),
  create: () => tasks.create({ data: { title: 'a', class_id: 1 } }),
  'create, connected': () =>
    tasks.create({
      data: { title: 'b', due: new Date('2026-12-01'), classes: { connect: { id: 2 } } },
      include: { classes: true },
    }),
  createMany: () => tasks.createMany({ data: [{ title: 'c' }, { title: 'd', class_id: 1, stage: 'done' }] }),
  createManyAndReturn: () => tasks.createManyAndReturn({ data: [{ title: 'e' }, { title: 'f', class_id: 1 }] }),
  include: () =>
    classes.findMany({
      where: { tasks: { some: { title: { contains: 'A', mode: 'insensitive' } } } },
      include: { tasks: { orderBy: { id: 'asc' } }, _count: { select: { tasks: true } } },
    }),
  update: async () => tasks.update({ where: await tasks.findFirst({ select: { id: true } }), data: { stage: 'done' } }),
  updateMany: () => tasks.updateMany({ where: { title: { in: ['a', 'b'] } }, data: { stage: 'done' } }),
  upsert: () => tasks.upsert({ where: { id: -1 }, create: { title: 'g' }, update: { title: 'h' } }),
  groupBy: () => tasks.groupBy({ by: ['stage'], _count: true, _max: { title: true }, orderBy: { stage: 'asc' } }),
  aggregate: () => tasks.aggregate({ _count: true, _avg: { class_id: true }, where: { stage: 'done' } }),
  'a transaction': () =>
    prisma.$transaction(async (inner) => {
      await inner.tasks.create({ data: { title: 'i' } });
      return inner.tasks.count();
    }),
  'a transaction that is rolled back': () =>
    prisma.$transaction(async (inner) => {
      await inner.tasks.deleteMany();
      throw new Error('not so');
    }),
  'several in one': () => prisma.$transaction([tasks.count(), classes.findMany({ where: { id: 1 } })]),
  $queryRaw: () => prisma.$queryRaw`SELECT title, due FROM tasks WHERE title = ${'b'}`,
  $executeRaw: () => prisma.$executeRaw`UPDATE tasks SET title = title WHERE title = ${'a'}`,
  '$queryRaw of what is not granted': () => prisma.$queryRaw`SELECT ine FROM students`,
  deleteMany: () => tasks.deleteMany(),
};

for (const [step, run] of Object.entries(steps)) {
  const outcome = await run().then(
    (result) => ({ result }),
    ({ meta, message }) => ({ error: meta?.driverAdapterError?.cause?.originalCode ?? message }),
  );
  console.log(JSON.stringify({ step, ...outcome }));
}
await prisma.$disconnect();
