import type { ReactNode } from 'react';

import type { Schemas } from '@/lib/api';
import { duration } from '@/lib/format';

type Suite = Schemas['Suite'];

const NEEDS: Record<Schemas['OutsideNeed'], string> = { network: 'the network', service: 'a service' };

/** The tests that a person should know before a change: flaky, failing on the base, in need of something outside, slow. */
export function SuiteFindings({ suite }: { suite: Suite }) {
  const needy = new Set(suite.needy.map((one) => one.test));
  const plain = suite.failing.filter((one) => !needy.has(one.test));
  return (
    <>
      <Found title="Flaky" count={suite.flaky_count} hint="The two runs differ. A failure of these is run again before it counts.">
        {suite.flaky.map((one) => (
          <Test key={one.test} name={one.test} said={one.said}>
            {one.first}, then {one.second}
          </Test>
        ))}
      </Found>
      <Found title="Need something outside" count={suite.needy_count} hint="Tests have no network and no services here, so these fail on the base and do not count.">
        {suite.needy.map((one) => (
          <Test key={one.test} name={one.test} said={one.said}>
            needs {one.what === '' ? NEEDS[one.need] : one.what}
          </Test>
        ))}
      </Found>
      <Found title="Fail on the base" count={suite.failing_count - (suite.failing.length - plain.length)} hint="They do not count against a change.">
        {plain.map((one) => (
          <Test key={one.test} name={one.test} said={one.said} />
        ))}
      </Found>
      <Found title="Slowest" count={suite.slow.length} hint="">
        {suite.slow.map((one) => (
          <Test key={one.test} name={one.test} said="">
            {duration(one.seconds)}
          </Test>
        ))}
      </Found>
    </>
  );
}

function Found({ title, count, hint, children }: { title: string; count: number; hint: string; children: ReactNode[] }) {
  if (count === 0) return null;
  return (
    <div className="survey-tests">
      <h3>
        {title} <span className="group-count">{count}</span>
      </h3>
      {hint !== '' && <p className="quiet">{hint}</p>}
      <ul>{children}</ul>
      {children.length < count && <p className="quiet">and {count - children.length} more</p>}
    </div>
  );
}

function Test({ name, said, children }: { name: string; said: string; children?: ReactNode }) {
  return (
    <li>
      <code>{name}</code> {children && <span className="survey-how">{children}</span>}
      {said !== '' && <p className="quiet">{said}</p>}
    </li>
  );
}
