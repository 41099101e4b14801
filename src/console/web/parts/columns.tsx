/** Columns for what rows often hold: sorted by the field, and shown as what it is. */
import { type ReactNode, useMemo } from 'react';
import { useFormats } from '../session.tsx';
import { PrincipalLink, Sql } from './small.tsx';
import type { Column } from './table.tsx';

/** The fields of a row that hold such values, or nothing. */
type FieldOf<Row, Value> = {
  [Field in keyof Row & string]-?: Row[Field] extends Value | null | undefined ? Field : never;
}[keyof Row & string];

type MakeColumn<Row, Value> = (
  field: FieldOf<Row, Value>,
  title: string,
  more?: Partial<Pick<Column<Row>, 'isName' | 'look'>>,
) => Column<Row>;

interface ColumnMakers<Row> {
  readonly text: MakeColumn<Row, string>;
  readonly code: MakeColumn<Row, string>;
  readonly sql: MakeColumn<Row, string>;
  readonly principal: MakeColumn<Row, string>;
  readonly number: MakeColumn<Row, number>;
  readonly bytes: MakeColumn<Row, number>;
  readonly duration: MakeColumn<Row, number>;
  readonly moment: MakeColumn<Row, string | number>;
}

export function useColumns<Row extends object>(): ColumnMakers<Row> {
  const formats = useFormats();
  return useMemo(() => {
    const shownAs =
      <Value extends string | number>(show: (value: Value) => ReactNode, look?: Column<Row>['look']) =>
      (field: FieldOf<Row, Value>, title: string, more = {}): Column<Row> => {
        const value = (row: Row) => (row[field] ?? undefined) as Value | undefined;
        const cell = (row: Row): ReactNode => {
          const found = value(row);
          return found === undefined ? '' : show(found);
        };
        return { id: field, title, by: value, cell, ...(look && { look }), ...more };
      };
    return {
      text: shownAs((text: string) => text),
      code: shownAs((text: string) => <code>{text}</code>),
      sql: shownAs((text: string) => <Sql>{text}</Sql>, 'clip'),
      principal: shownAs((name: string) => <PrincipalLink name={name} />),
      number: shownAs(formats.number, 'number'),
      bytes: shownAs(formats.bytes, 'number'),
      duration: shownAs(formats.duration, 'number'),
      moment: shownAs(formats.moment),
    };
  }, [formats]);
}
