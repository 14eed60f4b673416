"""The worker of one run: the loop, the evaluator, the methods, the policy and the final test.

`python -m autoflow_worker runs/<id>` takes the run from the trainer, goes on from its last committed
iteration and ends it. torch is imported in `autoflow_worker.policy` alone.
"""
