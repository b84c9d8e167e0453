"""How the networks of this project are trained: the material, the losses and the loop."""
