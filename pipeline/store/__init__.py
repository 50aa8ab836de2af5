"""The only SQL: tables, engine, one repository per aggregate."""
