from gansearch.execution.worker import visible_gpu


def test_a_worker_gets_a_gpu_among_those_that_the_user_may_see(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpu(1) == "1"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    assert visible_gpu(1) == "5"
