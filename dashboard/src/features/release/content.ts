import { facts, list, text, type Facts } from '@/lib/json';

export interface Shown {
  title: string;
  summary: string;
  cost: string;
  scripted: boolean;
  criteria: { id: string; text: string }[];
  changes: Change[];
  risks: { risk: string; pattern: string; quote: string }[];
  skipped: string[];
  /** Who changed the text of the request on the way. */
  requestChanges: string[];
  /** A spec gate shows the features themselves, by repository. */
  features: [string, string][];
  /** The approval that does not count any more, because what was approved is not what is shown. */
  voided: { by: string; at: string; hash: string } | null;
  /** A screening gate shows the request. */
  request: string;
}

export interface Change {
  name: string;
  target: string;
  base: string;
  head: string;
  size: string;
  files: { path: string; status: string; added: string; removed: string }[];
  scenarios: { id: string; kind: string; title: string; criteria: string[] }[];
  suite: string;
  preExisting: string[];
  findings: string[];
  resolved: number;
  moves: Move[];
}

/** A base branch that moved under the change, and the rebase that followed. */
export interface Move {
  repository: string;
  baseBranch: string;
  baseBefore: string;
  base: string;
  headBefore: string;
  head: string;
  clean: boolean;
  proven: boolean;
  commits: { commit: string; subject: string }[];
  more: boolean;
}

/** Reads what a gate shows. The content is the approver's evidence: what is missing is said, never invented. */
export function shownBy(content: Facts): Shown {
  return {
    title: text(content['title']),
    summary: text(content['summary']),
    cost: text(content['cost_usd']),
    scripted: content['scripted'] === true,
    criteria: list(content['criteria']).map(facts).map((one) => ({ id: text(one['id']), text: text(one['text']) })),
    changes: Object.entries(facts(content['repositories'])).map(([name, about]) => changeOf(name, facts(about))),
    risks: list(content['risk_flags'])
      .map(facts)
      .map((flag) => ({ risk: text(flag['risk']), pattern: text(flag['pattern']), quote: text(flag['quote']) })),
    skipped: list(content['skipped']).map(text),
    requestChanges: list(content['request_changes']).map(text),
    features: Object.entries(facts(content['specs'])).map(([name, feature]) => [name, text(feature)]),
    voided: voidedBy(facts(content['void_approval'])),
    request: text(content['request']) || text(content['body']),
  };
}

function changeOf(name: string, about: Facts): Change {
  const files = list(about['files']).map(facts);
  return {
    name,
    target: text(about['base_branch']),
    base: text(about['base']),
    head: text(about['head']),
    size: `${files.length} ${files.length === 1 ? 'file' : 'files'}, +${sum(files, 'added')} −${sum(files, 'removed')}`,
    files: files.map((file) => ({
      path: text(file['path']), status: text(file['status']), added: text(file['added']), removed: text(file['removed']),
    })),
    scenarios: list(about['scenarios'])
      .map(facts)
      .map((one) => ({
        id: text(one['id']), kind: text(one['kind']), title: text(one['title']), criteria: list(one['criteria']).map(text),
      })),
    suite: text(about['suite']) || 'not recorded',
    preExisting: list(about['pre_existing_failures']).map(text),
    findings: list(about['findings']).map(said),
    resolved: Number(about['resolved_findings'] ?? 0),
    moves: list(about['rebases']).map((move) => moveOf(name, facts(move))),
  };
}

export function moveOf(repository: string, about: Facts): Move {
  return {
    repository,
    baseBranch: text(about['base_branch']),
    baseBefore: text(about['base_before']),
    base: text(about['base']),
    headBefore: text(about['head_before']),
    head: text(about['head']),
    clean: about['clean'] === true,
    proven: about['proven'] === true,
    commits: list(about['commits'])
      .map(facts)
      .map((one) => ({ commit: text(one['commit']), subject: text(one['subject']) })),
    more: about['more_commits'] === true,
  };
}

function voidedBy(approval: Facts): Shown['voided'] {
  const by = text(approval['decided_by']);
  return by === '' ? null : { by, at: text(approval['decided_at']), hash: text(approval['content_hash']) };
}

function said(finding: unknown): string {
  const about = facts(finding);
  return text(finding) || [text(about['severity']), text(about['message'])].filter(Boolean).join(': ');
}

function sum(files: Facts[], field: string): number {
  return files.reduce((total, file) => total + Number(file[field] ?? 0), 0);
}
