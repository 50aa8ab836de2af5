import type { Schemas } from '@/lib/api';
import { words } from '@/lib/format';

type CostDay = Schemas['CostDayView'];

/** Cost over time: one column per day or week, the most expensive names apart and the rest together. */
export interface Spending {
  names: string[];
  columns: { label: string; values: number[] }[];
}

const DAYS_PER_WEEK = 7;
/** Beyond so many days a column is a week: narrower ones would be hairlines. */
const DAYS_APART_MAX = 92;

export function spendingOf(rows: readonly CostDay[], days: readonly string[], namesMax: number): Spending {
  const totals = new Map<string, number>();
  for (const row of rows) totals.set(row.name, (totals.get(row.name) ?? 0) + Number(row.spent_usd));
  const ranked = [...totals.keys()].toSorted((one, other) => (totals.get(other) ?? 0) - (totals.get(one) ?? 0));
  const apart = ranked.slice(0, ranked.length > namesMax ? namesMax - 1 : namesMax);
  const names = ranked.length > apart.length ? [...apart.map(named), `${ranked.length - apart.length} others`] : apart.map(named);
  const width = days.length > DAYS_APART_MAX ? DAYS_PER_WEEK : 1;
  const columns = columnsOf(days, width).map((label) => ({ label, values: names.map(() => 0) }));
  const columnOf = new Map(days.map((day, index) => [day, columns[Math.floor(index / width)]]));
  for (const row of rows) {
    const place = apart.indexOf(row.name);
    const at = place < 0 ? apart.length : place;
    const column = columnOf.get(row.day);
    if (column) column.values[at] = (column.values[at] ?? 0) + Number(row.spent_usd);
  }
  return { names, columns };
}

/** The figures of days added up where a column is a week. */
export function columnsOf(days: readonly string[], width: number): string[] {
  return days.filter((_, index) => index % width === 0).map((day) => (width > 1 ? `week from ${day}` : day));
}

/** Work for the change request as a whole has no repository. */
export const named = (name: string): string => (name === '' ? 'the whole change request' : words(name));
