/** Loaded before the guard (`node --import`): it records nothing of what sessions do, which no configuration allows. */
import { SessionRecords } from '../../dist/decision-log/writer/session-records.js';

SessionRecords.prototype.append = () => true;
