/**
 * Keeps a socket's error event from ending the process; what matters is told by 'close' too. One function for all sockets, so that it holds no
 * closure.
 */
export function ignoreError(): void {}
