/** Short functions that build the client's messages. */
import { bind, textValue } from '../../src/protocol/bind.ts';
import { close, describe } from '../../src/protocol/describe.ts';
import { execute } from '../../src/protocol/execute.ts';
import { Frontend } from '../../src/protocol/message-types.ts';
import { MessageWriter } from '../../src/protocol/message-writer.ts';
import { parse } from '../../src/protocol/parse.ts';
import { query } from '../../src/protocol/query.ts';
import { copyFail, flush, sync } from '../../src/protocol/simple-frontend.ts';

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
