import { Badge } from '@/components/badge';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { liveOf, type Live } from '@/features/change-request/live';
import type { Course } from '@/lib/history';
import { words } from '@/lib/format';
import { stageLabel } from '@/lib/vocabulary';

/** Who works on what, one panel per repository. */
export function LivePanels({ of, course }: { of: Detail; course: Course }) {
  const panels = liveOf(course, of.repositories.map((target) => target.name));
  return (
    <div className="live">
      {panels.map((panel) => (
        <Panel key={panel.repository} panel={panel} running={of.status === 'running'} />
      ))}
    </div>
  );
}

function Panel({ panel, running }: { panel: Live; running: boolean }) {
  const working = running && panel.working;
  return (
    <section className="live-panel" aria-label={`Live: ${panel.repository}`}>
      <header>
        <strong>{panel.repository}</strong>
        {panel.stage && <Badge tone={working ? 'active' : 'muted'}>{stageLabel(panel.stage)}</Badge>}
        {panel.round > 1 && <span className="quiet">round {panel.round}</span>}
        {panel.role !== null && <span>{words(panel.role)}</span>}
        {panel.turn > 0 && <span className="quiet">turn {panel.turn}</span>}
      </header>
      <p className="live-doing">
        {working && <span className="pulse" aria-hidden="true" />}
        <span>{panel.doing || (working ? 'Starting…' : 'Nothing at the moment')}</span>
      </p>
      <footer className="quiet">
        {panel.tests && (
          <span className={panel.tests.ok ? 'added' : 'removed'}>
            {words(panel.tests.purpose)}: {panel.tests.passed} passed, {panel.tests.failed} failed
            {panel.tests.skipped > 0 && `, ${panel.tests.skipped} skipped`}
          </span>
        )}
        <span>{panel.calls} tool calls</span>
      </footer>
    </section>
  );
}
