// TypeScript lets an object that only looks like a class's instance pass for one, and `instanceof` then denies it. A
// class that keeps something private admits its own instances alone. Components are never passed about as instances.

const keeps = (member) => member.key?.type === 'PrivateIdentifier' || ['private', 'protected'].includes(member.accessibility);
const isComponent = (node) => node.superClass?.type === 'Identifier' && node.superClass.name === 'Component';

function judge(context, node) {
  const constructed = node.body.body.find((member) => member.kind === 'constructor')?.value.params ?? [];
  if (isComponent(node) || [...node.body.body, ...constructed].some(keeps)) return;
  context.report({ node: node.id ?? node, message: 'Keep something of it private, so that only its own instances pass for it.' });
}

export default {
  meta: { name: 'house' },
  rules: {
    'nominal-classes': {
      create: (context) => ({
        ClassDeclaration: (node) => judge(context, node),
        ClassExpression: (node) => judge(context, node),
      }),
    },
  },
};
