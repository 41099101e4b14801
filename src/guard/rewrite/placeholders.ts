/** Renders a template for parsing alone: each slot as a parameter number that no client uses, the same one each time. */
import { renderTemplate } from '../../sql/text/edits.ts';
import type { Slot, Template } from '../../sql/text/template.ts';

const LIMIT = 2_000_000_000;
const ATTRIBUTES = 2_000_000_001;

export function placeholders(template: Template): string {
  return renderTemplate(template, placeholder);
}

function placeholder(slot: Slot): string {
  switch (slot.kind) {
    case 'limit':
      return `$${LIMIT}`;
    case 'attribute':
      return `$${ATTRIBUTES + (hash(slot.name) % 100_000)}`;
    case 'row':
      throw new Error('a row slot is filled before it is sent');
  }
}

function hash(name: string): number {
  let h = 7;
  for (let i = 0; i < name.length; i++) h = (h * 31 + name.charCodeAt(i)) >>> 0;
  return h;
}
