/** Starting points that ask for what the first stages need: criteria that can be tested, and what must stay as it is. */
export const TEMPLATES: readonly (readonly [string, string])[] = [
  [
    'Feature',
    '## Why\n\nWho needs it, and what they do today instead.\n\n## Acceptance criteria\n\n1. When …, then …\n2. …\n\n## Must stay as it is\n\n- …\n\n## Not part of this\n\n- …\n',
  ],
  [
    'Bug',
    '## What happens\n\nSteps, input, and what comes out.\n\n## What should happen\n\n1. Given …, when …, then …\n\n## Must stay as it is\n\n- …\n',
  ],
  [
    'Refactoring',
    '## What should be different in the code\n\n…\n\n## Acceptance criteria\n\n1. Behaviour is the same: …\n2. …\n\n## Not part of this\n\n- …\n',
  ],
  [
    'Dependency update',
    '## Which dependency, to which version, and why\n\n…\n\n## Acceptance criteria\n\n1. The suite passes with the new version.\n2. …\n',
  ],
];
