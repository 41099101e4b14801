/** Tests which passwords are accepted: by how soon they are guessed, also with the names around them known. */
import { beforeAll, expect, it } from 'vitest';
import { type JudgePassword, passwordJudge } from '../../src/cli/password.ts';

let judge: JudgePassword;
beforeAll(async () => {
  judge = await passwordJudge();
});
const weaknessOf = (password: string) => judge(password, ['college_12_app']);

it.each([
  'password',
  'Passw0rd!2024',
  'qwertyuiopasdfgh',
  '20261128',
  'Postgres2026',
  'demo-college',
  'college_12_app!',
  'COLLEGE_12_APP_2026',
  'rowgate-college-12',
  'App-College-Rowgate',
  'aaaaaaaaaaaaaaaaaaaaaaaa',
])('%s is weak', (password) => {
  expect(weaknessOf(password)?.message).toMatch(/can be guessed by 10,000 tries a second in /);
});

it.each([
  'correct horse battery staple',
  'tRz8-kuhW-pq9x',
  'college_12_app tRz8-kuhW-pq9x',
  'mon chat boit du thé vert',
])('%s is not', (password) => {
  expect(weaknessOf(password)).toBeUndefined();
});

it('says what makes it weak', () => {
  expect(weaknessOf('college_12_app')?.advice).toContain('There should not be any personal or page related data.');
  expect(weaknessOf('college_12_app-7x')?.message).toMatch(/^(it|what is left of it without names) can be guessed/);
});
