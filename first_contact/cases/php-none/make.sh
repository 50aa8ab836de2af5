. "$TRIALS/case.sh"
# PHP without a stated command
init; mkdir -p src tests
printf '{"name":"acme/acme","require-dev":{"phpunit/phpunit":"^10"},"scripts":{"test":"phpunit"}}\n' > composer.json; printf '<?php\nfunction add($a, $b) { return $a + $b; }\n' > src/calc.php
printf '<?php\nclass CalcTest extends PHPUnit\\Framework\\TestCase { function testAdds() { $this->assertSame(3, add(1, 2)); } }\n' > tests/CalcTest.php; done_
printf 'true\n' > test.sh; printf 'true\n' > code.sh; hands_in tests/DoubleTest.php s1 src/calc.php
