"""How a step is put to the model: part by part (`stepwise`), or in one structured question (`fused`)."""
