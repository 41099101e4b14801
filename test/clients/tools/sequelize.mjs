/** Sequelize: what it finds of tables, what it reads and writes, and how it alters. Takes the URL and what to do; prints each step as a line of JSON. */
import { DataTypes, Op, Sequelize } from 'sequelize';

const [url, what] = process.argv.slice(2);
const sequelize = new Sequelize(url, { logging: false, pool: { max: 1 } });
const found = sequelize.getQueryInterface();

const key = { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true };
const stage = { type: DataTypes.ENUM('begun', 'done'), defaultValue: 'begun' };
const options = (tableName) => ({ tableName, timestamps: false });
const Task = sequelize.define(
  'Task',
  {
    id: key,
    stage,
    title: { type: DataTypes.TEXT, allowNull: false },
    due: DataTypes.DATEONLY,
  },
  options('tasks'),
);
const Class = sequelize.define('Class', { id: key, name: DataTypes.TEXT, level: DataTypes.TEXT }, options('classes'));
Class.hasMany(Task, { foreignKey: 'class_id' });
Task.belongsTo(Class, { foreignKey: 'class_id' });

const steps = {
  tables: async () => (await found.showAllTables()).sort(),
  describeTable: () => found.describeTable('tasks'),
  'describeTable of what is held in part': () => found.describeTable('students'),
  indexes: () => found.showIndex('tasks'),
  constraints: async () => (await found.showConstraint('tasks')).map(({ constraintName }) => constraintName).sort(),
  'foreign keys': () => found.getForeignKeyReferencesForTable('tasks'),
  create: () => Task.create({ title: 'a', class_id: 1 }),
  bulkCreate: () =>
    Task.bulkCreate([
      { title: 'b', class_id: 1 },
      { title: 'c', stage: 'done', due: '2026-12-01' },
    ]),
  include: () => Task.findAll({ include: Class, order: ['id'] }),
  'include of many, with a limit': () =>
    Class.findAll({ include: { model: Task, required: true }, order: ['id'], limit: 1 }),
  findAndCountAll: () => Task.findAndCountAll({ where: { title: { [Op.iLike]: '%B%' } }, limit: 2, order: ['id'] }),
  update: () => Task.update({ stage: 'done' }, { where: { title: 'a' }, returning: true }),
  save: async () => (await Task.findOne({ where: { title: 'b' } })).update({ due: '2026-11-30' }),
  upsert: () => Task.upsert({ title: 'd', class_id: 1 }),
  findCreateFind: () => Task.findCreateFind({ where: { title: 'e' }, defaults: { class_id: 1 } }),
  'a transaction in a transaction': () =>
    sequelize.transaction(async (transaction) => {
      await Task.create({ title: 'g' }, { transaction });
      await sequelize.transaction({ transaction }, (inner) => Task.create({ title: 'g' }, { transaction: inner }));
      return Task.findAll({ where: { title: 'g' }, order: ['id'], lock: true, transaction });
    }),
  increment: () => Task.increment('class_id', { by: 1, where: { title: 'a' } }),
  destroy: () => Task.destroy({ where: { title: { [Op.ne]: 'x' } } }),
  sync: () => Task.sync(),
  'sync({ alter })': () => Task.sync({ alter: true }),
  findOrCreate: () => Task.findOrCreate({ where: { title: 'f' } }),
};

/** Of its own table: it is made, and altered to another model. */
const own = {
  sync: () => sequelize.define('Plan', { id: key, stage, title: DataTypes.TEXT }, options('plans')).sync(),
  'sync({ alter })': () =>
    sequelize
      .define(
        'Plan',
        { id: key, stage, title: { type: DataTypes.STRING(80), allowNull: false, unique: true }, due: DataTypes.DATE },
        options('plans'),
      )
      .sync({ alter: true }),
  describeTable: () => found.describeTable('plans'),
  indexes: () => found.showIndex('plans'),
};

for (const [step, run] of Object.entries(what === 'own' ? own : steps)) {
  const outcome = await run().then(
    (result) => ({ result: /^sync/.test(step) ? 'done' : result }),
    (error) => ({ error: error.original?.code ?? error.message }),
  );
  console.log(JSON.stringify({ step, ...outcome }));
}
await sequelize.close();
