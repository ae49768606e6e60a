import type { Line } from './line.ts';

type Readers = Readonly<Record<string, () => unknown>>;
type Values<R extends Readers> = { [K in keyof R]?: ReturnType<R[K]> };

/** Reads `, key=value` up to the end of the line, each key at most once, each value by the reader of its key. */
export function readKeyed<R extends Readers>(line: Line, readers: R): Values<R> {
  const values: Values<R> = {};
  while (line.takes(',')) readPair(line, readers, values);
  line.end();
  return values;
}

/** The same without a comma before the first key. */
export function readKeyedOnly<R extends Readers>(line: Line, readers: R): Values<R> {
  const values: Values<R> = {};
  do readPair(line, readers, values);
  while (line.takes(','));
  line.end();
  return values;
}

function readPair<R extends Readers>(line: Line, readers: R, values: Values<R>): void {
  const key = line.peek().text;
  const reader = (line.sees('=', 1) && Object.hasOwn(readers, key) ? readers[key] : undefined) ?? line.unexpected(keysOf(readers));
  if (Object.hasOwn(values, key)) line.refuse(`${key} is given twice`);
  line.next();
  line.expect('=');
  values[key as keyof R] = reader() as ReturnType<R[keyof R]>;
}

function keysOf(readers: Readers): string {
  const keys = Object.keys(readers).map((key) => `${key}=`);
  return `one of ${keys.join(', ')}`;
}

/** @throws WavecError where a key that must be given is not */
export function required<T>(line: Line, key: string, value: T | undefined): T {
  return value ?? line.refuse(`${key}= is missing`);
}
