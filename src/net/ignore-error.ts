/** What matters of a socket's error comes as 'close' too, but an error event without a listener would end the process. One for all: it keeps nothing of where it was added. */
export function ignoreError(): void {}
