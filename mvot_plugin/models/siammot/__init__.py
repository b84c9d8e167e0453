"""SiamMOT's motion models: `siammot-emm` and `siammot-imm` (SiamMOT, section 3)."""
