import { expect, test } from 'vitest';

import { bytes, ago, duration, usd } from '@/lib/format';

test.each([
  [0.42, '0.4 s'],
  [59.6, '1 min'],
  [200, '3 min 20 s'],
  [7_500, '2 h 5 min'],
])('%d seconds read as %s', (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test.each([
  ['0', '$0.00'],
  ['0.0312', '$0.0312'],
  ['1.8342', '$1.83'],
])('%s dollars read as %s', (amount, words) => {
  expect(usd(amount)).toBe(words);
});

test('a clock that runs behind never shows the future', () => {
  expect(ago('2026-11-20T10:00:05Z', Date.parse('2026-11-20T10:00:00Z'))).toBe('just now');
});

test.each([
  [812, '812 B'],
  [18_240, '18 kB'],
  [2_097_152, '2.1 MB'],
])('%d bytes read as %s', (size, words) => {
  expect(bytes(size)).toBe(words);
});
