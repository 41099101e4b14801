/** Tests the state in memory by the contract of all stores. */
import { memoryStore } from '../../src/budget/store/memory.ts';
import { contract } from './contract.ts';

let now = Date.now();
const store = memoryStore({ timeZone: 'Europe/Paris', now: () => now });
const pass = (ms: number): void => {
  now += ms;
};

contract('memory', () => ({ store, other: store, pass }));
