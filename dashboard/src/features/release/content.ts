import type { Schemas } from '@/lib/api';

export type ReleaseContent = Schemas['ReleaseContent'];
export type Change = Schemas['ShownChange'] & { name: string };
/** A base branch that moved under the change, and the rebase that followed. */
export type Move = Schemas['RebaseView'];

/** The changes of a release, by repository. */
export function changesOf(content: ReleaseContent): Change[] {
  return Object.entries(content.repositories).map(([name, change]) => ({ ...change, name }));
}

/** The moves of base branches under a release, each with its repository. */
export function movesOf(changes: readonly Change[]): Move[] {
  return changes.flatMap(({ name, rebases }) => rebases.map((move) => ({ ...move, repository: name })));
}

/** How large a change is, in words. */
export function sizeOf({ files }: Change): string {
  const lines = (field: 'added' | 'removed') => files.reduce((total, file) => total + file[field], 0);
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}, +${lines('added')} −${lines('removed')}`;
}
