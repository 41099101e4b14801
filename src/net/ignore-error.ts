/** Keeps a socket's error event from ending the process: 'close' reports the end, too. One function for all sockets, so that it holds no closure. */
export function ignoreError(): void {}
