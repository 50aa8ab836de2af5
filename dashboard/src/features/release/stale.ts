import type { StoredEvent } from '@/lib/event-stream';

export interface Stale {
  why: string;
  by: string;
  /** Of the content that was approved. */
  hash: string;
  standing: 'open' | 'holds' | 'void';
}

/** The approval under which the base branch moved, and how it stands: a clean rebase with everything proven keeps it. */
export function staleIn(events: readonly StoredEvent[]): Stale | null {
  const hashes = new Map<string, string>();
  let approved: { by: string; hash: string } | null = null;
  let stale: Stale | null = null;
  for (const { payload } of events) {
    if (payload.type === 'gate_opened' && payload.kind === 'release') {
      hashes.set(payload.gate_id, payload.content_hash);
      if (stale) stale.standing = 'void';
    }
    if (payload.type === 'gate_decided' && payload.kind === 'release') {
      approved = payload.decision === 'approve' ? { by: payload.actor, hash: hashes.get(payload.gate_id) ?? '' } : null;
      stale = null;
    }
    if (payload.type === 'stage_looped' && approved && (payload.stage === 'merge_check' || payload.stage === 'release')) {
      stale = { ...approved, why: payload.why, standing: 'open' };
    }
    if (stale?.standing === 'open' && payload.type === 'stage_completed' && payload.stage === 'release_gate' && payload.outcome === 'passed') {
      stale.standing = 'holds';
    }
  }
  return stale;
}
