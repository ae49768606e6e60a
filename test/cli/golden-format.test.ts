import { describe, expect, it } from 'vitest';
import { matches, readCase, refresh, writeCase } from './golden.ts';

describe('golden cases', () => {
  it('are written as they are read', () => {
    const text = '# shows\n--- a.yaml\nx: 1\n$ wavec run "a b" c\nexit 1\nout| one\nout|\nerr| two\n';
    expect(writeCase(readCase(text))).toBe(text);
  });

  it.each([
    [['a', '...', 'd'], true],
    [['...'], true],
    [['...', 'c', 'd', '...'], true],
    [['a', 'b', 'c'], false],
    [['a', '...', 'x'], false],
    [['...', 'c'], false],
  ])('%j describes a b c d: %s', (pattern, expected) => {
    expect(matches(pattern, ['a', 'b', 'c', 'd'])).toBe(expected);
  });

  it('keep what they leave out when they are written anew', () => {
    const actual = ['time 2', 'noise', 'total 8', 'end', 'more'];
    expect(refresh(['time 1', '...', 'total 7', 'end', '...'], actual)).toEqual(['time 2', '...', 'total 8', 'end', '...']);
    expect(refresh(['gone', '...'], actual)).toEqual(actual);
  });
});
