"""Models over text: a base model as it comes, fine-tuned, with a head over titles, or frozen under a logit."""
