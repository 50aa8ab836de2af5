import { Badge } from '@/components/badge';
import type { Detail } from '@/features/change-request/api/get-change-request';
import { liveOf, type Live } from '@/features/change-request/live';
import { Saying } from '@/features/change-request/saying';
import { words } from '@/lib/format';
import type { Course } from '@/lib/history';
import { useLiveText, type Saying as Said } from '@/lib/live-text';
import { stageLabel } from '@/lib/vocabulary';

/** Who works on what, one panel per repository, with what each agent is saying. What none of them is about stands below. */
export function LivePanels({ of, course }: { of: Detail; course: Course }) {
  const panels = liveOf(course, of.repositories.map((target) => target.name));
  const said = useLiveText(of.id);
  const joint = said.filter((one) => !panels.some((panel) => panel.repository === one.repository));
  return (
    <div className="live">
      {panels.map((panel) => (
        <Panel key={panel.repository} panel={panel} running={of.status === 'running'} said={said.filter((one) => one.repository === panel.repository)} />
      ))}
      {joint.length > 0 && <Saying said={joint} />}
    </div>
  );
}

function Panel({ panel, running, said }: { panel: Live; running: boolean; said: Said[] }) {
  const working = running && panel.working;
  return (
    <section className="live-panel" aria-label={`Live: ${panel.repository}`}>
      <header>
        <strong>{panel.repository}</strong>
        {panel.stage && <Badge tone={working ? 'active' : 'muted'}>{stageLabel(panel.stage)}</Badge>}
        {panel.round > 1 && <span className="quiet">round {panel.round}</span>}
      </header>
      <Doing panel={panel} working={working} />
      {working && <Saying said={said} />}
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

/** A line for each agent at work or stopped at it; what was last, or what is in between, when there is none. */
function Doing({ panel, working }: { panel: Live; working: boolean }) {
  if (panel.agents.length === 0) {
    return (
      <p className="live-doing">
        {working && <span className="pulse" aria-hidden="true" />}
        <span>{panel.doing || (working ? 'Starting…' : 'Nothing at the moment')}</span>
      </p>
    );
  }
  return panel.agents.map((agent) => (
    <p key={agent.name} className="live-doing">
      {working && <span className="pulse" aria-hidden="true" />}
      <span>
        <span className="event-who">
          {words(agent.role)}
          {agent.turn > 0 && `, turn ${agent.turn}`}
        </span>
        {agent.doing}
      </span>
    </p>
  ));
}
