/** Parses names of certificates in the notation of openssl's -subj: `/O=School/CN=app`, `+` between parts of one set, `\` before a literal character. */
import { AttributeTypeAndValue, AttributeValue, Name, RelativeDistinguishedName } from '@peculiar/asn1-x509';

type StringKind = 'utf8String' | 'printableString' | 'ia5String';

const TYPES: Readonly<Record<string, readonly [oid: string, kind: StringKind]>> = {
  CN: ['2.5.4.3', 'utf8String'],
  SN: ['2.5.4.4', 'utf8String'],
  serialNumber: ['2.5.4.5', 'printableString'],
  C: ['2.5.4.6', 'printableString'],
  L: ['2.5.4.7', 'utf8String'],
  ST: ['2.5.4.8', 'utf8String'],
  O: ['2.5.4.10', 'utf8String'],
  OU: ['2.5.4.11', 'utf8String'],
  title: ['2.5.4.12', 'utf8String'],
  GN: ['2.5.4.42', 'utf8String'],
  UID: ['0.9.2342.19200300.100.1.1', 'utf8String'],
  DC: ['0.9.2342.19200300.100.1.25', 'ia5String'],
  emailAddress: ['1.2.840.113549.1.9.1', 'ia5String'],
};

export function nameOf(subject: string): Name {
  const sets = split(subject, '/').slice(1);
  return new Name(sets.map((set) => new RelativeDistinguishedName(split(set, '+').map(attributeIn))));
}

function attributeIn(text: string): AttributeTypeAndValue {
  const [, name = '', value = ''] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  const found = TYPES[name];
  if (!found) throw new Error(`no attribute of a name: ${text}`);
  const [type, kind] = found;
  return new AttributeTypeAndValue({ type, value: new AttributeValue({ [kind]: value.replace(/\\(.)/gs, '$1') }) });
}

/** At each such character that has no backslash before it. */
function split(text: string, at: '/' | '+'): string[] {
  const parts = [''];
  for (const [piece] of text.matchAll(/\\.|[^\\]/gs)) {
    if (piece === at) parts.push('');
    else parts.push(`${parts.pop()}${piece}`);
  }
  return parts;
}
