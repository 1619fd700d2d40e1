"""The commands that plan, deploy, watch and destroy."""
