import { expect, test } from 'vitest';

import { csvOf } from '@/features/analytics/csv';

test('cells are quoted where they must be, and formulas are disarmed', () => {
  expect(csvOf([{ name: 'a "b", c', value: 1 }, { name: '=SUM(A1)', value: null }])).toBe('name,value\r\n"a ""b"", c",1\r\n\'=SUM(A1),');
});
