# The two commands to know: `make up` (a running lab from nothing) and `make test` (everything).
# What each target does is in dingli/setup/workflows.py.
PYTHON ?= python3.11

.PHONY: help setup up down check test bench quickfix clean-cache
help:
	@echo "make up           set up this machine, start the lab, deploy, print a summary"
	@echo "make down         remove the lab; caches and evidence stay"
	@echo "make setup        only the set-up: packages, virtual environment, Pulumi engine, .dingli/env"
	@echo "make check        lint, types and unit tests: no lab, under a minute"
	@echo "make test         everything: check, then engine and live tests on the lab"
	@echo "make bench        measure the targets"
	@echo "make quickfix     build the QuickFIX client that some live tests use"
	@echo "make clean-cache  remove engine, images and wheels from the user's cache"

setup up down check test bench quickfix clean-cache:
	@$(PYTHON) -m dingli.setup $@
