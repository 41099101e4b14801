/** A name that nothing of the client's has, and that the server's error will quote. */
export function privateName(id: string): string {
  return `rowgate_${id}`;
}
