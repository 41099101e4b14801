/** Which FETCH is a part of the answer to its DECLARE: the next rows, each once and in order. */
import type { Body } from '../../sql/parse/tree.ts';

/** Every other one, and each MOVE, chooses among rows, and says of them that they are there. */
export function continuesAnswer({ direction, howMany, ismove }: Body<'FetchStmt'>): boolean {
  const forward = direction === undefined || direction === 'FETCH_FORWARD';
  return forward && ismove !== true && Number(howMany ?? 0) > 0;
}
