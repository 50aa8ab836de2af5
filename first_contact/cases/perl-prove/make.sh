. "$TRIALS/case.sh"
# Perl with prove
init; mkdir lib t
printf 'package Acme;\nuse strict;\nuse warnings;\nsub add { return $_[0] + $_[1] }\n1;\n' > lib/Acme.pm
printf 'use strict;\nuse warnings;\nuse Test::More tests => 1;\nuse Acme;\nis(Acme::add(1, 2), 3, "adds");\n' > t/add.t; done_
test_file t/double.t <<'Y'
use strict;
use warnings;
use Test::More tests => 1;
use Acme;
is(Acme->can('double') ? Acme::double(4) : undef, 8, 's1 double');
Y
code_does "sed -i '\$d' lib/Acme.pm; printf 'sub double { return \$_[0] * 2 }\n1;\n' >> lib/Acme.pm"
hands_in t/double.t "s1 double" lib/Acme.pm
