// Written by `make docs` from pipeline/events.py.
import type { Schemas } from '@/lib/api';

type EventType = Schemas['EventView']['payload']['type'];

/** Every type of event that the stream can send. */
export const EVENT_TYPES: readonly EventType[] = [
  'status_changed',
  'worker_started',
  'worker_lost',
  'stage_entered',
  'stage_completed',
  'stage_looped',
  'agent_started',
  'agent_turn',
  'tool_called',
  'agent_completed',
  'tests_run',
  'risk_flagged',
  'spec_revised',
  'findings_reported',
  'gate_opened',
  'gate_decided',
  'effect_recorded',
  'cost_updated',
  'intervention_progressed',
  'warned',
  'cleanup_pending',
];

/** Those that tell the course of a change request. */
export const MILESTONES: readonly EventType[] = [
  'status_changed',
  'stage_entered',
  'stage_completed',
  'stage_looped',
  'risk_flagged',
  'gate_opened',
  'gate_decided',
];
