/** The client's messages, short to write. */
import { bind, textValue } from '../../src/wire/bind.ts';
import { close, describe } from '../../src/wire/describe.ts';
import { execute } from '../../src/wire/execute.ts';
import { Frontend } from '../../src/wire/message-types.ts';
import { MessageWriter } from '../../src/wire/message-writer.ts';
import { parse } from '../../src/wire/parse.ts';
import { query } from '../../src/wire/query.ts';
import { copyFail, flush, sync } from '../../src/wire/simple-frontend.ts';

export const Q = (text: string) => query(text);
export const P = (text: string, name = '', types: number[] = []) => parse({ name, text, types });
export const B = (values: string[] = [], portal = '', statement = '', formats: number[] = []) =>
  bind({
    portal,
    statement,
    formats,
    values: Buffer.concat(values.map(textValue)),
    valueCount: values.length,
    resultFormats: [],
  });
export const DS = (name = '') => describe({ of: 'statement', name });
export const DP = (name = '') => describe({ of: 'portal', name });
export const E = (portal = '', maxRows = 0) => execute({ portal, maxRows });
export const CS = (name = '') => close({ of: 'statement', name });
export const CP = (name = '') => close({ of: 'portal', name });
export const S = () => sync();
export const H = () => flush();
export const D = (text: string) => new MessageWriter(Frontend.CopyData).bytes(Buffer.from(text)).finish();
export const DONE = new MessageWriter(Frontend.CopyDone).finish();
export const FAIL = copyFail('no more');
