. "$TRIALS/case.sh"
# a proc-macro crate beside the crate that uses it, build.rs, edition 2024, no lock file; unit tests in a file of their own
init; mkdir -p derive/src src
printf '[package]\nname = "acme"\nversion = "0.1.0"\nedition = "2024"\nbuild = "build.rs"\n\n[dependencies]\nacme-derive = { path = "derive" }\n\n[workspace]\nmembers = ["derive"]\n' > Cargo.toml
printf 'fn main() {\n    let out = std::path::PathBuf::from(std::env::var("OUT_DIR").unwrap());\n    std::fs::write(out.join("made.rs"), "pub const MADE: i64 = 1;").unwrap();\n}\n' > build.rs
printf '[package]\nname = "acme-derive"\nversion = "0.1.0"\nedition = "2021"\n\n[lib]\nproc-macro = true\n' > derive/Cargo.toml
printf 'use proc_macro::TokenStream;\n\n#[proc_macro]\npub fn three(_: TokenStream) -> TokenStream {\n    "3".parse().unwrap()\n}\n' > derive/src/lib.rs
printf 'include!(concat!(env!("OUT_DIR"), "/made.rs"));\n\n/// Adds.\n///\n/// ```\n/// assert_eq!(acme::add(1, 2), 3);\n/// ```\npub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n\npub fn three() -> i64 {\n    acme_derive::three!()\n}\n\n#[cfg(test)]\nmod tests;\n' > src/lib.rs
printf 'use super::*;\n\n#[test]\nfn adds() {\n    assert_eq!(add(MADE, 2), three());\n}\n' > src/tests.rs
printf '/target\nCargo.lock\n' > .gitignore; done_
cat >> test.sh <<'X'
cat >> src/tests.rs <<'Y'

#[test]
fn s1_double() {
    assert_eq!(double(4), 8);
}
Y
X
code_does "printf '\npub fn double(n: i64) -> i64 {\n    n * 2\n}\n' >> src/lib.rs"
hands_in src/tests.rs s1_double src/lib.rs
