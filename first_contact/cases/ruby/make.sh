. "$TRIALS/case.sh"
# Ruby, whose tools this machine lacks
init; mkdir -p lib test
printf 'source "https://rubygems.org"\ngem "minitest"\n' > Gemfile; printf 'def add(a, b) = a + b\n' > lib/calc.rb
printf 'require "minitest/autorun"\nrequire_relative "../lib/calc"\nclass CalcTest < Minitest::Test\n  def test_adds = assert_equal(3, add(1, 2))\nend\n' > test/calc_test.rb
printf 'require "rake/testtask"\nRake::TestTask.new\n' > Rakefile; done_
printf 'true\n' > test.sh; printf 'true\n' > code.sh; hands_in test/double_test.rb s1 lib/calc.rb
