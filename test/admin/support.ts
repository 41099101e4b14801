/** A client for the tests of the admin address, and a strict reader of Prometheus' text format 0.0.4. */
import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export function ask(port: number, path: string, method = 'GET', body?: string): Promise<Answer> {
  return new Promise((done, failed) => {
    const asked = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        done({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    asked.on('error', failed);
    asked.end(body);
  });
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = `[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"`;
const SAMPLE = new RegExp(
  `^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?|[+-]Inf|NaN|Nan)$`,
);

/**
 * Throws at the first line that the format does not have; also where a family comes twice, a sample stands outside its family, a
 * series comes twice, a histogram's buckets fall or its last one is not its count.
 */
export function readMetrics(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families: Family[] = [];
  let help: { name: string; text: string } | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.+)$`).exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') help = { name, text: rest };
      else {
        if (help?.name !== name) throw new Error(`no HELP before ${line}`);
        if (families.some((family) => family.name === name)) throw new Error(`${name} comes twice`);
        if (!/^(counter|gauge|histogram|summary)$/.test(rest)) throw new Error(`no such type: ${line}`);
        families.push({ name, type: rest, help: help.text, samples: [] });
      }
      continue;
    }
    const match = SAMPLE.exec(line);
    const family = families.at(-1);
    if (!match || !family) throw new Error(`not a sample: ${line}`);
    family.samples.push(sampleOf(match, family, line));
  }
  for (const family of families) check(family);
  return families;
}

function sampleOf([, name = '', labelText = '', value = '']: RegExpExecArray, family: Family, line: string): Sample {
  const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  if (!suffixes.some((suffix) => name === family.name + suffix)) throw new Error(`not of ${family.name}: ${line}`);
  const labels: Record<string, string> = {};
  for (const [, label = '', text = ''] of labelText.matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g)) {
    if (label in labels) throw new Error(`label twice: ${line}`);
    labels[label] = text.replace(/\\(.)/g, (_all, escaped) => (escaped === 'n' ? '\n' : escaped));
  }
  return { name, labels, value: /Inf$/.test(value) ? Number(`${value}inity`) : Number(value) };
}

function check({ name, type, samples }: Family): void {
  const series = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]));
  if (new Set(series).size !== series.length) throw new Error(`a series of ${name} comes twice`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below 0`);
  if (type !== 'histogram') return;
  const rest = ({ labels }: Sample): string =>
    JSON.stringify(
      Object.entries(labels)
        .filter(([label]) => label !== 'le')
        .sort(),
    );
  const byLabels = new Map<string, Sample[]>();
  for (const sample of samples.filter((sample) => sample.name === `${name}_bucket`)) {
    const key = rest(sample);
    byLabels.set(key, [...(byLabels.get(key) ?? []), sample]);
  }
  for (const count of samples.filter((sample) => sample.name === `${name}_count`)) {
    const buckets = byLabels.get(rest(count)) ?? [];
    const values = buckets.map(({ value }) => value);
    const bounds = buckets.map(({ labels }) => (labels.le === '+Inf' ? Infinity : Number(labels.le)));
    if (bounds.at(-1) !== Infinity || bounds.some((bound, i) => i > 0 && !(bound > (bounds[i - 1] ?? 0)))) {
      throw new Error(`${name}: buckets out of order`);
    }
    if (values.some((value, i) => i > 0 && value < (values[i - 1] ?? 0)) || values.at(-1) !== count.value) {
      throw new Error(`${name}: buckets do not add up`);
    }
  }
}

/** The value of one series; undefined without one. `labels`: those that matter. */
export function figure(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const found = families
    .flatMap(({ samples }) => samples)
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => (sample.labels[label] ?? '') === value));
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
}
