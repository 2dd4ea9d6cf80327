function drawModel() {}
